"""Credentials: everything that proves who somebody is.

``model``        API keys, refresh tokens, certificates
``errors``       what can go wrong
``events``       what others may want to know
``ports``        what storage has to offer
``recent``       a bounded memory of recent answers
``sealing``      secrets that must be recoverable, sealed with the installation key
``passwords``    argon2id, off the event loop
``tokens``       OpenID Connect tokens, signed and verified
``temporary``    self-contained temporary AWS-style credentials
``identities``   the names that AWS SDKs know people and guests by
``api_keys``     keys made, recognised, withdrawn
``api_key_registry`` keys as callers see and change them
``key_uses``     when keys were last used
``authority``    the certificate authority of the installation
``certificates`` the certificates of things: made, replaced, handed out, recognised
``bundle``       a thing's certificate and key as a zip archive
"""
