"""The exchange itself: books, orders, money, and the life of its markets."""
