"""Identity providers: who vouches for people when they sign in.

Every account has the built-in one, which is a password kept here; its administrators may add providers that speak
SAML2. People are bound to providers by login profiles; whoever is bound to none uses the built-in one.

``model``         a provider, what it is told in SAML2, and what the round trip has to remember
``errors``        what can go wrong
``ports``         what storage has to offer
``settings``      from what a caller sends to SAML2 settings that hold
``certificates``  keys and certificates with which we speak to a provider
``places``        where the outside world finds us
``registry``      providers as callers see and administer them
``profiles``      which people may come by which provider
``tickets``       requests that know themselves
``first_uses``    keys of encrypted assertions that were here before
``round_trip``    signing in by way of a provider
``sign_out``      signing out of both, whoever begins
"""
