extension DemoSite {
    /// The site of a benchmark: so many orgs with one queue each, one CIC server, nobody who works on the cases.
    ///
    /// - Parameter ports: one for each org, and one more that is free on both hosts.
    init(benchWith orgs: Int, creation: Server.Creation, ports: [UInt16]) {
        precondition(ports.count == orgs + 1, "every org and the server need a port")
        let workgroups = ["Support", "Sales", "Billing", "Returns"]
        self.init(
            orgs: (1...orgs).map { number in
                let digits = String(String(1_000_000_000_000 + number).dropFirst())
                return Org(name: "org\(number)", id: "00D\(digits)EAA", port: ports[number - 1], users: [])
            },
            servers: [Server(name: "cic", port: ports[orgs], creation: creation, workgroups: workgroups)],
            mappings: (1...orgs).map { number in
                Mapping(
                    org: "org\(number)", queue: "Cases", server: "cic",
                    workgroup: workgroups[number % workgroups.count], takesSkills: creation == .handler)
            }, agents: 0)
    }
}
