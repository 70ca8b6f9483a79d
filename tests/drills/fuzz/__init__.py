"""A stranger at the keyboard: every link and form of every role, asked and sent wrongly.

The site is read as a browser reads it (`site`); Hypothesis draws what is asked (`drawing`), of what
is `typed`; `asking` asks it and looks at the answer. Every request is asked of the same clinic, since
whatever it wrote is rolled back: so one that was found wrong is found again with the line it was
reported in.
"""

from tests.drills.fuzz.asking import Fuzz
from tests.drills.fuzz.drawing import wrong_requests
from tests.drills.fuzz.request import Asked
from tests.drills.fuzz.site import WHO, Site

__all__ = ["WHO", "Asked", "Fuzz", "Site", "wrong_requests"]
