"""Credentials: everything that proves who somebody is.

``model``      API keys, refresh tokens, certificates
``errors``     what can go wrong
``ports``      what storage has to offer
``sealing``    secrets that must be recoverable, sealed with the installation key
``passwords``  argon2id, off the event loop
``tokens``     OpenID Connect tokens, signed and verified
``temporary``  self-contained temporary AWS-style credentials
``api_keys``   keys made, recognised, withdrawn
``authority``  the certificate authority of the installation
``bundle``     a thing's certificate and key as a zip archive
"""
