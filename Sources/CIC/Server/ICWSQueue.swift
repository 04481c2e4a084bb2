import CaseRouting
import JSON

/// A queue as ICWS names it: a type, and a name without scope; `icws.md` 5.1.
struct ICWSQueue: Equatable {
    enum Kind: Int { case user = 1, workgroup = 2 }

    let type: Kind
    let name: String

    /// - Parameter place: a workgroup, or a `UserQueue` as it is written.
    init(place: String) {
        if let own = UserQueue(place: place) {
            (type, name) = (.user, own.user)
        } else {
            (type, name) = (.workgroup, place)
        }
    }

    func write(to object: inout JSONObjectWriter) {
        object.write("queueType", type.rawValue)
        object.write("queueName", name)
    }
}
