package companyos.authz_test

import data.companyos.authz
import rego.v1

test_writer_may_write if authz.allow with input as {"method": "POST", "path": "/rows", "role": "writer"}

test_reader_may_not_write if not authz.allow with input as {"method": "POST", "path": "/rows", "role": "reader"}

test_nobody_may_read if not authz.allow with input as {"method": "GET", "path": "/rows", "role": ""}
