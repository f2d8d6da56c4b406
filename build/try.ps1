# From a fresh machine to a running project, on Windows: makes .venv in this checkout, installs Roost, runs the demo.
#   powershell -ExecutionPolicy Bypass -File build\try.ps1 [DIR]
param([string]$Demo = "")
$ErrorActionPreference = "Stop"
$calledFrom = (Get-Location).Path
Set-Location (Join-Path $PSScriptRoot "..")
. (Join-Path $PSScriptRoot "lib.ps1")

if ($Demo -eq "") { $Demo = ".work\demo" }
elseif (-not [System.IO.Path]::IsPathRooted($Demo)) { $Demo = Join-Path $calledFrom $Demo }

New-Venv
Invoke-Step "Installing Roost into .venv" $Python @("-m", "pip", "install", "--quiet", "--disable-pip-version-check", ".")
New-Item -ItemType Directory -Force -Path (Split-Path -Parent $Demo) | Out-Null
$roost = ".venv\Scripts\roost.exe"
& $roost demo $Demo
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Write-Output ""
Write-Output "The command is $PWD\$roost. To call it just ``roost`` in this window:"
Write-Output "  `$env:PATH = `"$PWD\.venv\Scripts;`$env:PATH`""
