"""Roles of groups: four that every group has, and those that a group makes for itself.

``words``     what a role can allow, word by word, and what each word means to the rest of the house
``model``     a role
``built_in``  the four
``errors``    what can go wrong
``events``    what others may want to know
``ports``     what storage has to offer
``places``    where roles count, and what a move must not take them from
``registry``  roles as members of groups see, make and change them
"""
