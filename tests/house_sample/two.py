"""Three imports."""

import json
import re
import sys
