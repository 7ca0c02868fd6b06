"""Phase `completion`, and the pipeline that completes a user's video."""
