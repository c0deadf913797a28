"""How an answer is tried, judged and noted, whatever the exercise."""
