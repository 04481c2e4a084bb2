import CIC
import CaseRouting
import Foundation
import Operations

extension CICServerSettings {
    /// What people set, as the adapter takes it.
    init(
        _ setup: CICServerSetup, _ credential: [UInt8], _ stored: StoredConfiguration, _ surroundings: Surroundings
    ) throws {
        let parts = try JSONDecoder().decode([String: String].self, from: Data(credential))
        guard let user = parts["user"], let password = parts["password"] else {
            throw Misconfigured("the credential of cic:\(setup.name) lacks user or password; set it again")
        }
        try self.init(
            name: setup.name, hosts: setup.hosts, usesTLS: setup.tls,
            creation: setup.creation == .handler ? .handler : .generic, holdingWorkgroup: setup.holding,
            messaging: setup.messaging == .sse ? .sse : .poll,
            attributes: setup.attributes.sorted { $0.key < $1.key }.map {
                try AttributeTemplate(name: $0.key, value: try TextTemplate($0.value))
            },
            visibleName: try TextTemplate(setup.visibleName), installation: stored.installation,
            orgs: Self.orgs(of: stored), user: user, password: password, caFile: try surroundings.caFile,
            allowInsecure: try surroundings.allowsInsecure)
    }

    static func orgs(of stored: StoredConfiguration) -> [String: CaseOrg] {
        Dictionary(
            stored.orgs.map {
                ($0.name, CaseOrg(organization: $0.organizationID.description, url: $0.loginURL))
            }, uniquingKeysWith: { first, _ in first })
    }
}
