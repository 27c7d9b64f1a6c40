"""The Streamlit app. It draws and asks; it computes nothing itself and never imports torch."""
