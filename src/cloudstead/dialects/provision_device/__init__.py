"""ProvisionDevice: a device is announced with boto3 and carries an archive away (rest-json 1.1, service ``panorama``).

``table``     the rows, and the faces made of them
``handlers``  what each row does
``shapes``    what goes over the wire
``auth``      a signature becomes a caller, with the region it was signed for
``errors``    every refusal in the form that boto3 reads
``paging``    tokens that lead to the next page
``arns``      resource names of devices
"""
