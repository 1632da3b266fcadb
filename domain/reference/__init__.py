"""What deals and leads refer to: processes, frameworks, customers, quotas, rates, teams, the calendar, and the rest."""
