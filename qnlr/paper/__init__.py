"""The paper, whole: its tables and figures beside what is measured, and a verdict a claim."""
