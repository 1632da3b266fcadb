"""The one door in: commands carried out, questions answered, and the forms in which both are handed out."""
