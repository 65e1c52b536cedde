"""Which line of its file each stored lead is from."""

from array import array
from bisect import bisect_right


class StoredLines:
    """The lines of leads, by their ids. Consecutive ids of consecutive lines take the memory of one."""

    def __init__(self) -> None:
        self.first_ids, self.last_ids, self.first_lines = array("q"), array("q"), array("q")  # of each such range

    def add(self, lead_id: int, line: int) -> None:
        """Add a lead, whose id is higher than all before."""
        if self.last_ids and lead_id == self.last_ids[-1] + 1 and line == self._line(-1, lead_id):
            self.last_ids[-1] = lead_id
            return
        self.first_ids.append(lead_id)
        self.last_ids.append(lead_id)
        self.first_lines.append(line)

    def line_of(self, lead_id: int) -> int:
        """Return the line that a lead is from; 0 for one that was not added."""
        place = bisect_right(self.first_ids, lead_id) - 1
        return self._line(place, lead_id) if place >= 0 and lead_id <= self.last_ids[place] else 0

    def _line(self, place: int, lead_id: int) -> int:
        return self.first_lines[place] + lead_id - self.first_ids[place]
