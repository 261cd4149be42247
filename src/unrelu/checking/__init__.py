"""What a model can be asked, and what that will take, before it is asked."""
