"""Device clouds: stamped out for an account, on this installation or in an AWS account of the customer.

``model``            the record, and what is kept apart from it
``states``           the life of a cloud as a table
``errors``           what can go wrong
``events``           what others may want to know
``ports``            what an engine has to do, and what storage has to offer
``engines``          which engine makes which type
``actor``            who acts, and in which duty
``tokens``           one kind of token for each duty; ``service_tokens`` for the service itself
``registry``         clouds as their account sees and changes them
``switches``         enabled and suspended, beside the state
``listing``          finding clouds; ``where`` reads conditions
``records``          the record while something long is done; ``work`` what its jobs carry
``connecting``       a stack calls back
``waiting``          waiting for that
``provisioning``     making what a cloud needs
``stack_updates``    bringing a stack to the current template
``removing``         taking it all away
``usage``            what clouds were used in a month
``local_engine``     clouds on this installation: ``tenancy`` opens their accounts, ``closing`` exports and deletes them
``authorities``      their issuing authorities
``devices``          registered, claimed, enrolled; ``device_model`` one of them, ``device_release`` on its way out
``agent_topics``     how their agents spell topics
``quotas``           plans, and the meter of what devices send; ``gate`` what the gateway asks
``ulids``            identifiers as they are written outside
"""
