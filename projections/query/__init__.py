"""What every metric is asked with: the question, the deals that it selects, the stages, and what explains an answer."""
