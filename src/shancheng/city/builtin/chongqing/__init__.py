"""The built-in Chongqing: package tables, generators and the recipe that joins them."""
