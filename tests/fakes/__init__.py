"""Hand-written fakes of the ports; each passes the conformance tests of the real thing."""
