"""Provisioning by archive: a device is announced, carries an archive away, and comes back with a key of its own.

``model``         a provisioned device, and what its status is at a moment
``errors``        what can go wrong
``ports``         what is needed from storage
``tags``          tags on devices, checked
``archive``       the archive itself
``devices``       provisioning, reading, changing and removing devices, as callers may
``listing``       lists of them
``registration``  the device's half: a claim certificate and a request become a thing with a lasting certificate
``forgetting``    what failed long ago goes
``contacts``      what connections tell of a device
"""
