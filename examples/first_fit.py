"""Show which mixirt is installed."""

import mixirt

print(f"mixirt {mixirt.__version__}")
