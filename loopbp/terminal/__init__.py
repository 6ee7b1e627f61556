"""What a person, or a program, reads on a terminal: `progress`, `json_text`, `computer`."""
