# Who may do what. Asked before every answer of the app; what is not allowed here is denied.
package companyos.authz

import rego.v1

default allow := false

# The front page tells whether the product works, and nothing else.
allow if {
	input.method == "GET"
	input.path == "/"
}

allow if {
	input.method in data.companyos.roles[input.role].methods
	input.path == "/rows"
}
