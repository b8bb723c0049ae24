"""Try an installed wheel as its users have it: no compiler, no source tree, no data frames.

Run with the Python of an environment that has nothing but the wheel, from any folder that is not
the source tree; `make wheel` does so.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np

import mixirt

MAX_MEGABYTES = 3.0
"""What the wheel may weigh, unpacked code apart."""

LOGLIK = -2658.8051
"""LSAT 7, two-parameter logistic: agreed on by every program."""


def main() -> None:
    for compiler in ("cargo", "rustc", "cc"):
        assert shutil.which(compiler) is None, f"{compiler} is on the path"
    package = Path(mixirt.__file__).parent
    assert package.is_relative_to(sys.prefix), f"this is not the wheel but {package}"
    assert (package / "py.typed").exists()
    for wheel in map(Path, sys.argv[1:]):
        megabytes = wheel.stat().st_size / 1e6
        assert megabytes < MAX_MEGABYTES, f"{wheel.name}: {megabytes:.1f} MB"
        print(f"{wheel.name}: {megabytes:.2f} MB")

    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert not sys._is_gil_enabled(), "importing mixirt has switched the interpreter's lock on"
    responses = np.asarray(mixirt.datasets.load("lsat7").responses)
    fit = mixirt.fit(responses, "2pl")
    assert abs(fit.loglik - LOGLIK) < 1e-4, fit.loglik
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        fit.save(path)
        loaded = mixirt.load(path)
        assert np.array_equal(loaded.score(responses).theta, fit.score(responses).theta)
        show = [sys.executable, "-m", "mixirt", "show", str(path)]
        shown = subprocess.run(show, capture_output=True, text=True, check=True).stdout
        assert "2pl" in shown, shown
    print(f"mixirt {mixirt.__version__} works: log-likelihood {fit.loglik:.4f}")


if __name__ == "__main__":
    main()
