"""Tools that set up, run, check and prove the product; the product itself imports none of them."""
