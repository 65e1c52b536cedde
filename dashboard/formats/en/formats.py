"""How the back office writes days and times: the office's ``DATE_FORMAT``, also wherever Django chooses the form."""

import re

from django.conf import settings

DATE_FORMAT = settings.DATE_FORMAT
DATETIME_FORMAT = f"{DATE_FORMAT}, H:i"
TIME_FORMAT = "H:i"
MONTH_DAY_FORMAT = re.sub(r"[/, ]*Y-?", "", DATE_FORMAT)  # without the year: "30 Nov", "11/30", "30.11."
