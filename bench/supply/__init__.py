"""What isolane is made of: locks, bill of materials, known vulnerabilities, risky source lines, secrets in the tree.

Flow: `python -m bench.supply` asks each file here and prints a line each; its exit code is the verdict. A check that
cannot run is told as such and is no pass.
"""
