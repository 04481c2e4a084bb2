// The fence: one case, up to L committed changes, delivered in any order, late, twice, or without a row; observations by the
// sweep and by "verify"; one slow worker (reads, reads CIC, writes later) beside quick ones; converge, agents, the watch.
// Build: c++ -O2 -std=c++17 -o fence-order fence-order.cpp ; run: ./fence-order L RULE...   (RULE names: see main)
#include "fence-search.hpp"
#include <map>
#include <set>
enum Kind : uint8_t { QA = 1, QB, US, CL, RO, SK, CM, RP };
static const char* kindName[] = {"-", "owner:=queueA", "owner:=queueB", "owner:=user", "closed", "reopened", "skills", "comment", "reply"};
enum { OA = 0, OB = 1, OU = 2 };                      // owners: queue A, queue B, a user
enum { OPEN = 0, PENDING = 1, ROUTED, IGNORED, SUPERSEDED };
constexpr int MAXL = 4;
static int L = 3;
// rules; the values given are the corrected protocol
static bool FENCES = true;    // states, arrivals, contacts and replies each have a fence; false: one version fence for all
static bool DOOMED = true;    // an open episode that is no longer wanted counts as "ending"
static bool READALL = true;   // every "unchanged, an agent has it" reads CIC first; false: only comments do
static bool GUARDV = true;    // the guard is revision and fences; false: revision only
static bool GUARD = true;     // false: no guard for decisions that do not raise the revision
static bool KEYREV = true;    // key of an observation holds the revision it was compared with; false: modstamp only
static bool OBSCAS = true;    // an observation is applied only at the revision it was compared with
static bool HELD = true;      // the sweep also reads cases that we hold as wanted or open and the query did not return
static bool PREVHELD = true;  // an arrival whose previous owner is not the owner we hold takes back too (something between is missing)
static bool REPLYTIME = true; // a reply not newer (Salesforce's time) than the observation in force withdraws nothing
static bool WANTED = true;    // "the workgroup differs": from the episode's or from the wanted one; false: from the episode's only
static bool NUMBER = true;    // a wish for another workgroup, or after none, always has a new number
static bool SKILLS = true;    // skills follow the state always; an Assign for skills only is conditional on still waiting
static bool SOON = false;     // true: verify may read within the second of the tie, and more may follow in that second
static bool REPLYALWAYS = false; // true: a late reply withdraws even after a newer comment or arrival
static bool ASKED = true;     // a state that makes the case routable counts what was asked meanwhile: newest contact newer than newest reply
static bool SKILLARR = true;  // skills that ask for an offer count as an arrival: a reply from before them withdraws nothing
static bool OBSFENCE = true;   // an observation also needs the newest state that it was compared with; false: the revision alone
static bool COPY = false;     // true: taken back only when our copy says that an agent has it
static bool TAKEBACK = true;  // arrival after closed takes back, like after a user
static bool SWEEP = true, LEGACY = false, NOROW = true, SLOW = true; static int TIE = 2;  // 0 dropped, 1 applied, 2 verified
static bool ENDRULE = true, SNAP = false, COMPAREWANT = false, RAISE = true, OBSARR = true;  // ENDRULE: "served" compares the wish number, not the revision
struct Held { uint8_t known, owner, closed, skill, sv, av, cv, pv, rev, applied, want, wskill, wno, ep, epwg, epskill, epno, agent, verify, obt; };
struct S {
  Held h; uint8_t n, kind[MAXL], stamp[MAXL], content[MAXL], pend, dup, out[MAXL], norow, owner, closed, skill, real, rwg, rskill;
  uint8_t slot, phase, cic; Held snap; uint8_t ob, obc, obrev; Held obh; uint8_t mod, obt, readAt, keyStamp, keyRev, keys, served, stopAfter, ends, seenDup;
};
static uint8_t pack(int owner, int closed, int skill, int previous, int wasClosed) { return owner | closed << 2 | skill << 3 | previous << 4 | wasClosed << 6; }
#define OWN(c) ((c) & 3)
#define CLO(c) ((c) >> 2 & 1)
#define SKI(c) ((c) >> 3 & 1)
#define PREV(c) ((c) >> 4 & 3)
#define WASC(c) ((c) >> 6 & 1)
static bool isState(int k) { return k <= SK; }
struct Decision { Held h; int outcome; bool raise, needRead, touched; };
static int wg(int owner) { return owner == OA ? 1 : owner == OB ? 2 : 0; }
// offer(): the rows "monitored queue" of the table. ask: somebody must be offered the case because of this request
static void offer(Decision& d, bool arrival, bool ask, bool back, int alive) {
  Held& h = d.h; int W = wg(h.owner); bool live = h.ep == 1 || h.ep == 2; bool doomed = DOOMED && h.want == 0;
  if (h.ep == 2 && alive == 0) { live = false; }                                   // read from CIC: it has just ended
  if (!live || doomed) {
    if (!ask && !(arrival && h.want && (h.want != W || h.wskill != h.skill))) return;
    if (live && doomed && h.ep == 2) h.wno = h.rev + 1;                            // a new wish: offered afresh
    else if (h.ep == 2 && alive == 0) h.wno = h.rev + 1;                           // wish newer than the ended interaction
    if (NUMBER && h.want != W && h.ep) h.wno = h.rev + 1;
    h.want = W; h.wskill = h.skill; d.raise = true; return; }
  if (!arrival) { if (alive < 0 && h.ep == 2) d.needRead = true; return; }         // comment: an interaction is active
  if (h.ep == 2 && (h.agent || (back && !COPY))) {
    if (back || h.epwg != W || (WANTED && h.want != W)) { h.want = W; h.wskill = h.skill; h.wno = h.rev + 1; d.raise = true; return; }
    if (READALL && alive < 0) d.needRead = true;
    if (SKILLS && h.wskill != h.skill) { h.wskill = h.skill; d.raise = true; }    // wanted skills always follow the newest state
    return; }
  if (h.want != W || h.wskill != h.skill) { if (h.want != W && NUMBER) h.wno = h.rev + 1; h.want = W; h.wskill = h.skill; d.raise = true; return; }
  if (h.applied == h.rev && h.ep == 2) { if (READALL && alive < 0) d.needRead = true; return; } // waiting there: may just have been picked up and ended
}
static void apply(Decision& d, uint8_t c, bool arrivalAsked, bool skillAsk, int alive) {   // a newer state is taken over
  Held& h = d.h; bool back = PREV(c) == OU || (h.known && h.owner == OU) || (PREVHELD && PREV(c) != h.owner) || (TAKEBACK && (WASC(c) || h.closed));
  h.owner = OWN(c); h.closed = CLO(c); h.skill = SKI(c); h.known = 1; d.touched = true;
  if (h.closed) { if (h.want || (h.ep && h.ep != 3)) { h.want = 0; d.raise = true; } }
  else if (h.owner == OU) { if ((h.ep == 0 || h.ep == 3) && h.want) { h.want = 0; d.raise = true; } }
  else offer(d, true, arrivalAsked || skillAsk, back, alive);
}
static Decision decide(const Held& snap, int kind, int v, uint8_t c, bool observed, uint8_t obrev, uint8_t obt, const Held& obh, int alive) {
  Decision d{snap, IGNORED, false, false, false}; Held& h = d.h;
  if (observed) {
    if (OBSCAS && (snap.rev != obrev || (OBSFENCE && snap.sv != obh.sv))) { d.outcome = SUPERSEDED; if (TIE == 2 && LEGACY) h.verify = 1; d.touched = true; return d; }
    bool diff = !h.known || h.owner != OWN(c) || h.closed != CLO(c), sk = h.skill != SKI(c);
    if (diff) { h.obt = obt; d.touched = true; }
    if (diff || sk || COMPAREWANT) apply(d, c, diff || COMPAREWANT, sk, alive);
    if (d.raise) d.outcome = PENDING; return d; }
  bool arr = (kind == QA || kind == QB || kind == RO) && !CLO(c) && OWN(c) != OU;
  if (!FENCES) {                                                                    // one version fence, as first written
    if (v < h.sv) { d.outcome = SUPERSEDED; return d; }
    if (v == h.sv && TIE != 1) { d.outcome = SUPERSEDED; if (TIE == 2) { h.verify = 1; d.touched = true; } return d; }
    h.sv = v; d.touched = true;
    if (isState(kind)) apply(d, c, arr || kind == SK, kind == SK, alive);
    else { h.owner = OWN(c); h.closed = CLO(c); h.skill = SKI(c); h.known = 1;
      if (kind == RP) { if (h.want || (h.ep && h.ep != 3)) { h.want = 0; d.raise = true; } }
      else if (h.owner != OU && !h.closed) offer(d, false, true, false, alive); }
    if (d.raise) d.outcome = PENDING; return d; }
  // four fences: newest state, arrival, contact, reply
  if (isState(kind)) {
    bool newer = v > h.sv || (v == h.sv && TIE == 1), tie = v == h.sv && TIE == 2 && (h.owner != OWN(c) || h.closed != CLO(c) || h.skill != SKI(c));
    if (newer && h.known && (h.closed || h.owner != OWN(c)) && !CLO(c) && OWN(c) != OU) arr = true;   // a newer state that shows the case where it was not stands for the row that brought it there
    bool ask = arr && v >= h.av && v >= h.pv;
    if (ASKED && arr && h.cv >= h.pv && v < h.pv && v > h.av) ask = true;            // a contact that no newer reply has answered was put aside while nobody could be offered the case
    if (arr && v > h.av) { h.av = v; d.touched = true; }
    if (newer) { h.sv = v; bool skillAsk = kind == SK && v >= h.pv && h.want == 0 && v >= h.cv;
      if (SKILLARR && skillAsk && !CLO(c) && OWN(c) != OU && v > h.av) h.av = v;
      apply(d, c, ask, skillAsk, alive); }
    else {
      if (tie) { h.verify = 1; d.touched = true; }
      d.outcome = SUPERSEDED;
      if (ask && !h.closed && h.owner != OU) { d.outcome = IGNORED; offer(d, true, true, PREV(c) == OU || PREV(c) != OWN(c) && PREVHELD || (TAKEBACK && WASC(c)), alive); } }
  } else if (kind == CM) {
    if (v < h.cv || v < h.av || v < h.pv) { d.outcome = SUPERSEDED; if (v > h.cv) { h.cv = v; d.touched = true; } return d; }
    if (v > h.cv) { h.cv = v; d.touched = true; }
    if (!h.closed && h.owner != OU) offer(d, false, true, false, alive);
  } else {
    if (v > h.pv) { h.pv = v; d.touched = true; }
    if (REPLYALWAYS || (v > h.av && v > h.cv && (!REPLYTIME || v > h.obt))) { if (h.want || (h.ep && h.ep != 3)) { h.want = 0; d.raise = true; } }
    else d.outcome = SUPERSEDED; }
  if (d.raise) d.outcome = PENDING; return d;
}
struct Model {
  template <class E> void init(E emit) {
    for (int i = 0; i < 3; i++) { S s; memset(&s, 0, sizeof s); s.h.known = 1; s.h.rev = 1; s.h.applied = 1; 
      if (i) { s.h.want = 1; s.h.ep = 2; s.h.epwg = 1; s.h.epno = 1; s.real = i; s.rwg = 1; s.h.agent = i == 2; }
      s.ends = 2; s.served = 0; emit(s, true, ""); } }
  std::string show(const S& s) {
    static const char* o[] = {"A", "B", "user"}; static const char* e[] = {"none", "creating", "placed", "ending"}; static const char* r[] = {"none", "waiting", "agent"}; char b[300];
    snprintf(b, sizeof b, "SF %s%s skill%d | held %s%s skill%d fences %d/%d/%d/%d rev %d/%d want %d ep %s%s | CIC %s wg%d", o[s.owner], s.closed ? " closed" : "", s.skill, o[s.h.owner], s.h.closed ? " closed" : "", s.h.skill,
      s.h.sv, s.h.av, s.h.cv, s.h.pv, s.h.rev, s.h.applied, s.h.want, e[s.h.ep], s.h.agent ? "+agent" : "", r[s.real], s.rwg); return b; }
  static void settle(S& s) {                                                       // ghosts and normal form
    for (int i = 0; i < s.n; i++) { int k = s.kind[i]; bool arr = (k == QA || k == QB || k == RO);
      if (arr && s.real == 1) s.served |= 1 << i;                                     // offered afresh, or still waiting
      }
    if (!s.real) { s.rwg = s.rskill = 0; }
    if (!s.h.ep) { s.h.epwg = s.h.epskill = s.h.epno = s.h.agent = 0; }
    if (!s.h.want) s.h.wskill = 0;
    if (!s.ob) { s.obt = s.obc = s.obrev = 0; memset(&s.obh, 0, sizeof s.obh); }
    if (!s.slot) { s.phase = s.cic = 0; memset(&s.snap, 0, sizeof s.snap); } }
  static void finishPending(S& s) { for (int i = 0; i < s.n; i++) if (s.out[i] == PENDING) s.out[i] = ROUTED; }
  static void ended(S& s) {                                                        // the watch, or whoever saw the end
    bool served = s.h.ep == 2 && (ENDRULE ? s.h.epno >= s.h.wno : s.h.epno == s.h.rev) && s.h.want == s.h.epwg && s.h.wskill == s.h.epskill;
    s.h.ep = 0; s.h.rev++; if (served || !s.h.want) { s.h.want = 0; s.h.applied = s.h.rev; finishPending(s); } else s.h.wno = 0; }
  // write a decision; false: the guard refused
  static bool write(S& s, const Held& snap, const Decision& d, int msg) {
    Held& h = s.h; bool same = h.rev == snap.rev && (!GUARDV || (h.sv == snap.sv && h.av == snap.av && h.cv == snap.cv && h.pv == snap.pv && h.owner == snap.owner && h.closed == snap.closed && h.skill == snap.skill));
    if (d.raise || GUARD) if (!same) return false;
    if (d.raise) { Held n = d.h; n.rev = h.rev + 1; n.verify |= h.verify; n.applied = h.applied; n.ep = h.ep; n.epwg = h.epwg; n.epskill = h.epskill; n.epno = h.epno; n.agent = h.agent; h = n;
      for (int i = 0; i < s.n; i++) if (s.out[i] == PENDING && i != msg && isState(s.kind[i]) && (msg >= MAXL || isState(s.kind[msg])) && (msg >= MAXL || s.stamp[i] < s.stamp[msg])) s.out[i] = SUPERSEDED; }
    else if (d.touched) { h.sv = d.h.sv; h.av = d.h.av; h.cv = d.h.cv; h.pv = d.h.pv; h.owner = d.h.owner; h.closed = d.h.closed; h.skill = d.h.skill; h.known = d.h.known; h.verify |= d.h.verify; h.obt = d.h.obt; }
    if (msg < MAXL) s.out[msg] = d.outcome;
    return true; }
  static Decision think(const S& s, const Held& snap, int msg, int alive) {
    if (msg < MAXL) return decide(snap, s.kind[msg], s.stamp[msg], s.content[msg], false, 0, 0, s.obh, alive);
    return decide(snap, 0, 0, s.obc, true, s.obrev, s.obt, s.obh, alive); }
  static int alive(const S& s) { return s.real != 0; }
  template <class E> void next(const S& c, E emit0) {
    auto emit = [&](S s, bool duty, const char* f, int a = 0, int b = 0) { settle(s); emit0(s, duty, f, a, b); };
    // Salesforce
    if (c.n < L) for (int k = QA; k <= RP; k++) {
      if (k == QA && c.owner == OA) continue; if (k == QB && c.owner == OB) continue; if (k == US && c.owner == OU) continue;
      if (k == CL && c.closed) continue; if (k == RO && !c.closed) continue;
      for (int same = 0; same <= (LEGACY && c.n > 0 && (SOON || c.readAt != c.stamp[c.n - 1]) ? 1 : 0); same++) for (int norow = 0; norow <= (NOROW && k <= SK && !c.norow ? 1 : 0); norow++) {
        S s = c; int i = s.n++; s.kind[i] = k; s.stamp[i] = LEGACY ? (i ? c.stamp[i - 1] + !same : 1) : i + 1; int was = s.owner, wasc = k == RO;
        if (k == QA) s.owner = OA; if (k == QB) s.owner = OB; if (k == US) s.owner = OU; if (k == CL) s.closed = 1; if (k == RO) s.closed = 0; if (k == SK) s.skill ^= 1;
        s.content[i] = pack(s.owner, s.closed, s.skill, was, wasc);
        if (k <= SK) s.mod = s.stamp[i];
        if (k == RP || k == CL || k == US) s.stopAfter = s.n;                      // what was asked before is answered by this
        if (norow) { s.norow |= 1 << i; s.out[i] = IGNORED; } else s.pend |= 1 << i;
        emit(s, false, norow ? "Salesforce commits change %d, no row written (kind %d)" : "Salesforce commits change %d (kind %d)", i + 1, k); } }
    // deliveries merged at once by a quick worker, or taken by the slow one
    for (int i = 0; i <= c.n; i++) {
      int msg = i < c.n ? i : MAXL; if (i < c.n ? !(c.pend >> i & 1) : c.ob != 1) continue;
      { S s = c; Decision d = think(s, s.h, msg, -1);
        if (d.needRead || (c.h.ep == 2)) { int al = alive(s); Decision d2 = think(s, s.h, msg, d.needRead ? al : -1); if (d.needRead && !al) { s.h.ep = s.h.ep; } d = d2; }
        if (i < c.n) s.pend &= ~(1 << i); else s.ob = 0;
        if (!write(s, c.h, d, msg)) abort();
        emit(s, true, i < c.n ? "request %d merged (outcome %d)" : "observation merged", i + 1, d.outcome); }
      if (SLOW && !c.slot) { S s = c; s.slot = msg + 1; s.snap = s.h; s.phase = 1; if (i < c.n) s.pend &= ~(1 << i); else s.ob = 2; emit(s, false, "slow worker reads the case for request %d", msg + 1); } }
    if (c.slot) { int msg = c.slot - 1; Decision d = think(c, c.snap, msg, c.phase == 2 ? c.cic : -1);
      if (c.phase == 1 && d.needRead) { S s = c; s.cic = alive(s); s.phase = 2; emit(s, true, "slow worker reads CIC: alive %d", s.cic); }
      else { S s = c; if (write(s, c.snap, d, msg)) { if (msg >= MAXL) s.ob = 0; s.slot = 0; emit(s, true, "slow worker writes its decision for request %d (outcome %d)", msg + 1, d.outcome); }
        else { s.slot = 0; if (msg < MAXL) s.pend |= 1 << msg; else s.ob = 1; emit(s, true, "slow worker: the guard refuses request %d", msg + 1); } } }
    // sweep, case half; verify
    if (!c.ob) { bool returned = !c.closed && c.owner != OU, diff = !c.h.known || c.h.owner != c.owner || c.h.closed != c.closed || c.h.skill != c.skill;
      if (COMPAREWANT && returned && (c.h.want != wg(c.owner))) diff = true;
      bool seen = returned || (HELD && (c.h.want || c.h.ep || (!c.h.closed && c.h.owner != OU)));
      bool used = KEYREV ? c.keyStamp == c.n + 1 && c.keyRev == c.h.rev + 1 : (c.keys >> c.n & 1);
      if (SWEEP && diff && seen && !used) { S s = c; s.ob = 1; s.obrev = s.h.rev; s.obh = s.h; s.obc = pack(s.owner, s.closed, s.skill, s.h.owner, 0); s.obt = s.mod; s.readAt = LEGACY && s.n ? s.stamp[s.n - 1] : 0; s.keys |= 1 << s.n; (void)used; emit(s, true, "sweep finds a difference and publishes case.observed"); }
      if (c.h.verify) { S s = c; s.h.verify = 0; s.ob = 1; s.obrev = s.h.rev; s.obh = s.h; s.obc = pack(s.owner, s.closed, s.skill, s.h.owner, 0); s.obt = s.mod; s.readAt = LEGACY && s.n ? s.stamp[s.n - 1] : 0; emit(s, true, "verify: the case is read again, case.observed"); } }
    // converge (the lease's holder)
    const Held& h = c.h;
    if (h.ep == 0 && h.want && h.applied < h.rev) { S s = c; s.h.ep = 1; emit(s, true, "opens an episode"); }
    if (h.ep == 0 && !h.want && h.applied < h.rev) { S s = c; s.h.applied = s.h.rev; finishPending(s); emit(s, true, "records: none wanted, none there"); }
    if (h.ep == 1 && h.want) { S s = c; s.h.ep = 2; s.h.epwg = h.want; s.h.epskill = h.wskill; s.h.epno = h.rev; s.real = 1; s.rwg = h.want; s.rskill = h.wskill; emit(s, true, "created and assigned to workgroup %d", h.want); }
    if (h.ep == 1 && !h.want) { S s = c; s.h.ep = 3; emit(s, true, "ending what is in holding"); }
    if (h.ep == 2 && !h.want && h.applied < h.rev) { S s = c; s.h.ep = 3; emit(s, true, "episode becomes ending"); }
    if (h.ep == 2 && h.want && h.applied < h.rev) {
      if (h.epwg != h.want || h.epskill != h.wskill || h.epno < h.wno) { S s = c;
        if (SKILLS && s.real == 2 && h.epwg == h.want && h.epno >= h.wno) { s.h.epskill = h.wskill; emit(s, true, "assign of skills only: an agent has it, Stale"); }
        else if (s.real) { s.h.epwg = h.want; s.h.epskill = h.wskill; s.h.epno = h.rev; s.h.agent = 0; s.real = 1; s.rwg = h.want; s.rskill = h.wskill; emit(s, true, "assign to workgroup %d", h.want); }
        else { s.h.ep = 0; s.h.rev++; s.h.wno = 0; emit(s, true, "assign: 404, the end is seen; the wish is newer"); } }
      else { S s = c; s.h.applied = s.h.rev; finishPending(s); emit(s, true, "records: as wanted"); } }
    if (h.ep == 3) { S s = c; s.real = 0; s.h.ep = 0; s.h.rev++; if (!s.h.want) { s.h.applied = s.h.rev; finishPending(s); } s.h.wno = 0; emit(s, true, "disconnected, the end is seen"); }
    // agents and the watch
    if (c.real == 1) { S s = c; s.real = 2; emit(s, false, "an agent picks up"); }
    if (c.real == 2 && c.ends) { S s = c; s.real = 0; s.ends--; for (int i = 0; i < s.n; i++) if (s.kind[i] == CM) s.served |= 1 << i; // the agent still had it after the customer wrote
      emit(s, false, "the agent ends it in CIC"); }
    if (c.real == 2 && h.ep == 2 && !h.agent) { S s = c; s.h.agent = 1; emit(s, true, "watch: with an agent"); }
    if (c.real == 0 && h.ep == 2) { S s = c; ended(s); emit(s, true, "watch: the end is seen"); }
  }
  std::string bad(const S& s) { if (s.h.rev > 60) return "no end: the revision runs away"; if (!s.n && s.real == 1 && s.h.rev > 1) return "offered again, though nothing has changed in Salesforce"; return ""; }
  std::string script(const S& s) { std::string o; for (int i = 0; i < s.n; i++) { o += std::string(i ? ", " : "") + std::to_string(i + 1) + "=" + kindName[s.kind[i]] + (s.norow >> i & 1 ? "(no row)" : ""); if (LEGACY) o += "@" + std::to_string(s.stamp[i]); } return " (" + o + ")"; }
  std::string rest(const S& s) { static const char* only = getenv("ONLY"); std::string r = judge(s); return only && r.compare(0, strlen(only), only) ? "" : r; }   // ONLY=Q6: that property alone
  std::string judge(const S& s) {
    for (int i = 0; i < s.n; i++) if (s.out[i] <= PENDING) return "Q1/Q3 request " + std::to_string(i + 1) + " has no outcome at rest" + script(s);
    if (s.h.owner != s.owner || s.h.closed != s.closed || s.h.skill != s.skill) { bool both = (s.closed || s.owner == OU) && (s.h.closed || s.h.owner == OU) && !s.h.want && !s.real; if (!both) return "Q2 at rest the held state differs from Salesforce" + script(s); }
    if (s.closed && (s.h.want || s.real)) return "Q2 closed, but still offered" + script(s);
    if (!s.closed && s.owner != OU) {
      if (s.real && (s.rwg != wg(s.owner))) return "Q2 offered on the wrong workgroup" + script(s);
      if (s.real == 1 && s.rskill != s.skill) return "Q2 waits with the wrong skills" + script(s);
      for (int i = s.stopAfter; i < s.n; i++) { int k = s.kind[i]; bool ask = k == CM || ((k == QA || k == QB || k == RO) && !CLO(s.content[i]) && OWN(s.content[i]) != OU);
        bool later = false; if (k != CM) for (int j = i + 1; j < s.n; j++) later |= s.kind[j] != CM && s.kind[j] <= RO && OWN(s.content[j]) != OU && !CLO(s.content[j]);
        if (ask && !later && !(s.served >> i & 1) && !(k == CM && s.real)) return "Q6 request " + std::to_string(i + 1) + " was swallowed: nobody was offered the case after it" + script(s); } }
    return ""; }
};
int main(int argc, char** argv) {
  if (argc > 1) L = atoi(argv[1]);
  std::map<std::string, std::pair<bool*, bool>> rule = {{"one-fence", {&FENCES, false}}, {"no-doomed", {&DOOMED, false}}, {"read-comments-only", {&READALL, false}}, {"guard-revision-only", {&GUARDV, false}}, {"no-guard", {&GUARD, false}},
    {"key-modstamp", {&KEYREV, false}}, {"observed-always", {&OBSCAS, false}}, {"observed-at-revision", {&OBSFENCE, false}}, {"skills-no-arrival", {&SKILLARR, false}}, {"sweep-queues-only", {&HELD, false}}, {"no-takeback-after-closed", {&TAKEBACK, false}}, {"previous-owner-ignored", {&PREVHELD, false}}, {"takeback-by-copy", {&COPY, true}}, {"reply-ignores-observed", {&REPLYTIME, false}}, {"differs-from-episode-only", {&WANTED, false}}, {"number-only-from-agent", {&NUMBER, false}}, {"skills-unconditional", {&SKILLS, false}}, {"verify-at-once", {&SOON, true}}, {"reply-always", {&REPLYALWAYS, true}}, {"contact-put-aside-forgotten", {&ASKED, false}}, {"no-sweep", {&SWEEP, false}}, {"legacy", {&LEGACY, true}},
    {"rows-always", {&NOROW, false}}, {"no-slow", {&SLOW, false}}, {"end-by-revision", {&ENDRULE, false}}, {"compare-wanted", {&COMPAREWANT, true}}};
  std::string name; for (int i = 2; i < argc; i++) { std::string a = argv[i]; name += " " + a; if (a == "tie-dropped") TIE = 0; else if (a == "tie-applied") TIE = 1; else if (rule.count(a)) *rule[a].first = rule[a].second; else { fprintf(stderr, "unknown rule %s\n", a.c_str()); return 64; } }
  Search<S> q; Model m; std::string r = q.run(m);
  uint64_t stuck = 0; if (r.empty() && !q.full && getenv("STUCK")) stuck = q.stuck(m);
  printf("%s L=%d%s: %zu states, %llu at rest%s%s\n%s", r.empty() ? (q.full ? "INCOMPLETE" : stuck ? "LIVELOCK" : "HOLDS") : "FAILS", L, name.c_str(), q.st.size(), (unsigned long long)q.restStates, r.empty() ? "" : "; ", "", r.c_str());
  return r.empty() && !stuck ? 0 : 1;
}
