"""The AWS services that clients of Cloud Connect 2.11 speak, each on the wire as AWS documents it.

``auth``       a signed or bearer request becomes an ``AwsCaller``
``ports``      what the handlers need from the rest of the house
``accounts``   which account a host name, a number, a pool or an identity belongs to
``names``      regions, resource names, physical function and bucket names
``cognito``    GetId, GetCredentialsForIdentity, GetOpenIdToken
``sts``        GetCallerIdentity
``iam``        access keys of one's own
``invoke``     Lambda Invoke
``functions``  the same functions for callers without SigV4: ``POST /functions/<LogicalName>``
``iot_data``   shadows and publishing over HTTP
``s3``         the buckets of an account, to read from
``file_links`` links to files, each good for a while
``file_content``  what type a file is told to be
``manifest``   where clients find all of the above
``errors``     every refusal in the form of its service
``cors``       what pages of other origins may do
``table``      the rows, and the faces made of them
"""
