"""Visible marks on pictures and videos. Runs in the child process of app.media.child and knows nothing of the app."""
