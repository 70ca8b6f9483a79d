"""The screens, one noun a file: fetch, bind the form, call one verb of the ledger, answer."""
