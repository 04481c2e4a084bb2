import CIC
import CaseRouting
import Operations
import Salesforce

/// What only the adapters know of a site file's values, checked before anything is stored: later it would be found by a
/// worker, and said in its log alone.
enum SiteCheck {
    /// - Throws: the first thing that is wrong, by the name of the setting.
    static func check(_ site: SiteSetup) throws(SettingError) {
        for (index, org) in site.orgs.enumerated() {
            try naming("orgs[\(index)]") { () throws(RoutingFailure) in
                try SalesforceSettings.check(org: org.name, organizationID: org.organizationID, source: org.source)
            }
        }
        for (index, server) in site.servers.enumerated() { try check(server, "cic[\(index)]") }
    }

    private static func check(_ server: CICServerSetup, _ path: String) throws(SettingError) {
        var attributes: [AttributeTemplate] = []
        for (name, value) in server.attributes.sorted(by: { $0.key < $1.key }) {
            try naming("\(path).attributes.\(name)") { () throws(RoutingFailure) in
                attributes.append(try AttributeTemplate(name: name, value: TextTemplate(value)))
            }
        }
        try naming("\(path).visible_name") { () throws(RoutingFailure) in _ = try TextTemplate(server.visibleName) }
        try naming(path) { () throws(RoutingFailure) in
            // The credential comes later, and the installation's id is not a person's.
            _ = try CICServerSettings(
                name: server.name, hosts: server.hosts, usesTLS: server.tls, holdingWorkgroup: server.holding,
                attributes: attributes, installation: "site", user: "", password: "")
        }
    }

    private static func naming(
        _ setting: String, _ body: () throws(RoutingFailure) -> Void
    ) throws(SettingError) {
        do throws(RoutingFailure) {
            try body()
        } catch {
            throw SettingError(setting, error.summary)
        }
    }
}
