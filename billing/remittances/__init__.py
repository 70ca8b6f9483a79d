"""From an insurer's file to a payment: drafts, their review, and saving them.

`billing.era` says what a file says; here it meets our books.

    uploading   a file that was uploaded -> its drafts, or why there are none
    sessions    our session lines that the rows of a remittance may mean
    review      what somebody changes on a draft, and how it stands
    posting     a draft -> a payment, in one verb; undoing; attaching to a payment typed by hand
    worklist    rows that were saved without a session, and placing them later
"""
