"""Messages: what a wrong call is answered (`calls`), what may have been meant (`suggestions`)."""
