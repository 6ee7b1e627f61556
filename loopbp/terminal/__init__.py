"""For people and programs at a terminal: `progress`, `json_text`, `computer` and `extras`."""
