"""x402, versions 1 and 2: what sellers ask, in our own terms, and our refusals in the standard's.

Above services and adapters, because both need it. https://github.com/coinbase/x402, specs/.
"""
