//! Names, as the system's own resolver (nsswitch, hosts file, DNS) answers them.

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use model::{State, Unread};

/// Fields: `found` (a flag) and `addresses` (a list, sorted). A resolver that does not answer is
/// [`Unread::NoAnswer`], which is not the same as a name that does not exist.
pub(super) fn read(name: &str) -> Result<State, Unread> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let mut addresses: Vec<String> = Vec::new();
    match getaddrinfo(Some(name), None, Some(hints)) {
        Ok(found) => {
            for address in found {
                let address =
                    address.map_err(|error| Unread::Malformed(format!("resolving {name}: {error}")))?;
                addresses.push(address.sockaddr.ip().to_string());
            }
        }
        Err(error) => not_found(name, &error)?,
    }
    addresses.sort();
    addresses.dedup();
    Ok(State::record([("found", State::Flag(!addresses.is_empty())), ("addresses", State::texts(addresses))]))
}

/// Accepts the answer "there is no such name"; every other error is no answer.
fn not_found(name: &str, error: &LookupError) -> Result<(), Unread> {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => Ok(()),
        LookupErrorKind::Again => Err(Unread::NoAnswer(format!("no name server answered for {name}"))),
        kind => Err(Unread::Failed(format!("resolving {name}: {kind:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_answers() {
        let seen = read("localhost").unwrap();
        assert_eq!(seen.get("found"), Some(&State::Flag(true)));
        assert!(seen.get("addresses").unwrap().to_string().contains("127.0.0.1"), "{seen}");
        assert_eq!(read("192.0.2.7").unwrap().get("addresses").unwrap().to_string(), "192.0.2.7");
    }

    #[test]
    fn no_such_name_differs_from_no_answer() {
        let code = |number| LookupError::new(number);
        assert!(not_found("x", &code(libc::EAI_NONAME)).is_ok());
        assert!(matches!(not_found("x", &code(libc::EAI_AGAIN)), Err(Unread::NoAnswer(_))));
        assert!(matches!(not_found("x", &code(libc::EAI_FAIL)), Err(Unread::Failed(_))));
    }
}
