"""Trusted certificates: authorities of customers that vouch for the customers' own devices.

``model``      a trusted certificate, and a device's certificate that one vouches for
``chains``     reading and judging what is uploaded
``claims``     which account a certificate belongs to, where several say that it is theirs
``registry``   uploaded, listed, changed, removed
``listing``    which of them a list is about
``developer``  certificates that we make for developers, with their keys
``source``     such a certificate as C source
``admission``  which account and which thing a device's certificate opens, known or seen for the first time
``servers``    what devices are told of the servers for bootstrap and LwM2M
"""
