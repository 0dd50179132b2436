"""This file says where measured data lies; it guards that no test is skipped for one file of it that is missing.

The data is not part of the project: it lies beside the checkout, in ../shared/data. Where that folder is absent, the
tests that need it are skipped.
"""

import pytest

from support.tree import ROOT

DATA = ROOT.parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the measured data is not beside this checkout")
