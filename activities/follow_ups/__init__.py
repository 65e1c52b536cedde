"""Follow-ups: what is to be done with a lead, by somebody, on a day of the office."""
