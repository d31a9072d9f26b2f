"""Branding: the colours and images in which an account shows itself, one set for dark and one for light.

``model``     themes, slots, and what stands in them
``palette``   the colours of slots that nobody set
``drawings``  the images of slots that nobody set, drawn here
``css``       colours as people write them
``contrast``  whether one colour can be read on another
``colours``   reading and setting colours
``images``    reading, uploading and clearing images, and serving them
``look``      all of it together, as pages and mails use it
``ports``     what storage has to offer
``errors``    what can go wrong
"""
