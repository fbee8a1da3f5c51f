"""What answers questions about whole texts: is its rating above three, was it generated?"""
