# Installs what the tests need and runs them on Windows: ruff, mypy, pytest (tests for other systems skip themselves).
#   powershell -ExecutionPolicy Bypass -File build\test.ps1 [pytest arguments ...]
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")
. (Join-Path $PSScriptRoot "lib.ps1")

New-Venv
Invoke-Step "Installing pip" $Python @("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pip>=25.1")
Invoke-Step "Installing Roost and the tests' tools" $Python @(
    "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ".", "--group", "dev")
Invoke-Step "ruff check" ".venv\Scripts\ruff.exe" @("check", ".")
Invoke-Step "ruff format" ".venv\Scripts\ruff.exe" @("format", "--check", ".")
Invoke-Step "mypy" ".venv\Scripts\mypy.exe" @()
& ".venv\Scripts\pytest.exe" -n 2 @args
exit $LASTEXITCODE
