"""Objects: adapters for the port ``core.files.ports.ObjectStore``.

``folder``  a local folder: the default
``bucket``  Amazon S3, or anything that speaks its protocol
``names``   how paths of objects are spelt as names in a folder
``opening`` the one that a setting names
"""

from cloudstead.storage.objects.bucket import BucketObjects
from cloudstead.storage.objects.folder import FolderObjects
from cloudstead.storage.objects.opening import BucketAddress, open_objects

__all__ = ["BucketAddress", "BucketObjects", "FolderObjects", "open_objects"]
