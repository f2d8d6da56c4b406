# What build\try.ps1 and build\test.ps1 share: find a Python, make .venv, run a step quietly. Sourced, never run.
$Python = ".venv\Scripts\python.exe"
$NewEnough = "import sys; sys.exit(sys.version_info < (3, 11))"

# One line of progress; the command's output only if it fails.
function Invoke-Step([string]$Text, [string]$Program, [string[]]$Arguments) {
    Write-Host -NoNewline "$Text ... "
    $ErrorActionPreference = "Continue"  # what a program writes to its standard error is no failure
    $output = & $Program @Arguments 2>&1
    if ($LASTEXITCODE -ne 0) {
        Write-Host "failed (exit $LASTEXITCODE)"
        $output | Out-Host
        exit 1
    }
    Write-Host "done"
}

function Test-Python([string]$Program, [string[]]$Arguments) {
    if (-not (Get-Command $Program -ErrorAction SilentlyContinue)) { return $false }
    $ErrorActionPreference = "Continue"
    & $Program @Arguments -c $NewEnough 2>$null | Out-Null
    return $LASTEXITCODE -eq 0
}

# .venv of this checkout: one that works is kept.
function New-Venv {
    if (Test-Python $Python @()) { return }
    $candidates = @(@("py", "-3.13"), @("py", "-3.12"), @("py", "-3.11"), @("python"), @("python3"))
    foreach ($candidate in $candidates) {
        $rest = @($candidate | Select-Object -Skip 1)
        if (Test-Python $candidate[0] $rest) {
            Invoke-Step "Making .venv" $candidate[0] ($rest + @("-m", "venv", "--clear", ".venv"))
            return
        }
    }
    Write-Error "Roost needs Python 3.11 or newer, and none was found. Install one (winget install Python.Python.3.13), then try again."
    exit 1
}
