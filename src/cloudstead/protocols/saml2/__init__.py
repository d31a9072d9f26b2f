"""SAML 2.0 as a service provider speaks it: bytes in, decisions out, the time as an argument.

What is served is the web browser single sign-on profile and single logout (OASIS saml-profiles-2.0, sections 4.1 and
4.4): requests leave by HTTP-Redirect, responses come by HTTP-POST, logout goes both ways by HTTP-Redirect and comes by
HTTP-POST too. Signatures of XML are verified by SignXML, and only what it says was signed is read.

``errors``      what can be wrong with what was sent
``names``       namespaces, bindings and algorithms
``documents``   XML from outside: bounded, and without anything that SAML has no use for
``signatures``  who signed an element, and what of it was signed
``encryption``  an assertion that was encrypted for us
``metadata``    what a provider tells about itself, and what we tell
``messages``    what we send
``redirect``    the HTTP-Redirect binding, with its own kind of signature
``responses``   whom a provider vouches for
``logout``      messages of single logout that came in
"""
