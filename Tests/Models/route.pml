/* One case (org, case): merges, two routing workers, the watch, CIC, agents.
   Switches (all -D): NCH changes, MAXA creates, NOCOMMENT no comments,
   rules as written / as proposed:
     WGKEEP   the episode's workgroup stays while an assign is under way (as written); default: unknown from before the sending
     CIC_MOVE CIC moves also when the interaction already belongs to that workgroup (as written); default: only the number is raised
     CTAB     comment with an open episode is "active" even when wanted is none (as written); default: wanted becomes the workgroup
     RETRYN   creating, nothing found, wanted none: create once more (as written); default: the episode ends without an id
     ENDROW   served is judged by the row, placed with this number (as written); default: by the CR_Assign last seen on the ended interaction
     ENDROW2  as ENDROW, and only while the row's workgroup is known and the wanted one
     FIN      finishing "as wanted": 0 nothing else written, 1 the revision written as the episode's number,
              2 the interaction read from CIC first, then as 1 (default: what the code does)
     SEENALL  whoever writes an end knows the CR_Assign that was in force (default: only the watch, and not always)
     ENDDUE   an end with nothing wanted leaves the case due (default: it is at rest at once)
     STRICT   as below, only with SEENALL
   more than one case needs:
     TAKE     wishes that take the interaction back from an agent of the same workgroup; an assign of unknown outcome is
              preceded by a read that tells whether it may take anything back
     TWICE    CIC may carry out one create twice
     SRV      the second workgroup is on another CIC server
     UNSENT   a create may be kept back after its attempt was committed; that is written down, and another attempt takes its
              place without a look. LIES: it is also written of creates that were sent
     DARK     a comment may find CIC unreadable: the case becomes due with the same wish
     LOOSE    record writes "placed" wherever the episode is not ended, whoever holds the lease
     STRICT   a second offer after an agent's end counts as a failure (SEENALL)
   broken on purpose:
     B_TAKE  (with TAKE) an assign of unknown outcome always takes back    B_SRV (with SRV) moved as if on one server
     B_DARK  (with DARK) an interaction that cannot be read counts as active
     B_REUSE ending not final     B_ANSWER closed on the disconnect's answer    B_NOHOLD created in the workgroup, look before retry
     B_NOGET comment does not read CIC   B_NOCAS worker goes on with its own id  B_NOEPOCH worker goes on without its lease
     B_NONUM assign without number (generic move)   B_ENDREV close does not raise the revision
   one lossy database failover: -DFAIL and
     FQ       0 no hold  1 hold until nothing is under way to CIC  2 as 1 and no worker still stands between commit and sending
              3 no such bound: the hold ends when at most one interaction of the case is alive (the others disconnected and seen ended)
     F_JUMP   the rebuilt revision starts above every number of the old timeline   F_REV revision not raised to CR_Assign
     F_WATCH  the watch does not obey the hold
   CALM: from any moment on nothing goes wrong any more: must come to rest within 9 claims. */
#ifndef NCH
#define NCH 2
#endif
#ifndef FIN
#define FIN 2
#endif
#ifndef MAXA
#define MAXA 3
#endif
#ifndef NUM
#define NUM 8     /* greatest assign number that arrives; sending a greater one is an error, so that none is overlooked */
#endif
#define LA 1      /* attempt committed, not sent */
#define LN 2      /* create under way */
#define LH 3      /* holding */
#define LX 8      /* ended */
#define LV 9      /* never came to be */
#define LW(w) (3+(w))   /* 4,5 waiting on W1,W2 */
#define LG(w) (5+(w))   /* 6,7 with an agent of W1,W2 */
#define ROUT(i) (loc[i]>=4 && loc[i]<=7)
#define LIVE(i) (loc[i]>=3 && loc[i]<=7)
#define BIT(n) (1<<((n)-1))

#ifdef B_NOHOLD
#define FOUND(k) (LIVE(k) && aep[k]==epno)
#else
#define FOUND(k) (loc[k]==LH && aep[k]==epno)
#endif
#ifdef RETRYN
#define WANTNEW (1)
#else
#define WANTNEW (want!=0 && !ELSEWHERE(want))
#endif
#ifdef CIC_MOVE
#define STAYS(i,ww) (loc[i]==LW(ww))
#else
#define STAYS(i,ww) (loc[i]==LW(ww) || loc[i]==LG(ww))
#endif
#ifdef CTAB
#define CFIX 0
#else
#define CFIX 1
#endif
#ifdef ENDROW
#define SERVED(i) (est==3 && esent==rev)
#elif defined(ENDROW2)
#define SERVED(i) (est==3 && esent==rev && want!=0 && ewg==want)
#elif defined(SEENALL)
#define SERVED(i) (esent==rev && want!=0 && ((est==3 && ewg==want) || crn[i]==rev))
#else
#define SERVED(i) (esent==rev && want!=0 && ((est==3 && ewg==want) || (seen && crn[i]==rev && est!=4)))
#endif
#ifdef SRV
#define ELSEWHERE(w) (w!=0 && esrv!=w)
#else
#define ELSEWHERE(w) 0
#endif
#ifdef TAKE
#define INFORCE (ewg==want && esent>=wno)
#else
#define INFORCE (ewg==want)
#endif

/* PostgreSQL */
byte rev=0, app=0, want=0, lastmon=1; byte cur=0;   /* cur: whose epoch is the case's */
byte est=0, epno=0, eid=0, esent=0, ewg=0;          /* 0 none open 1 creating 2 held 3 placed 4 ending */
/* CIC and network */
byte na=0; byte loc[MAXA+1], aep[MAXA+1], crn[MAXA+1], p1[MAXA+1], p2[MAXA+1]; bool dp[MAXA+1];
/* workers */
byte wact[2]; bool cbusy=0;
#ifdef TAKE
byte wno=0;                      /* the least number that carries out the wish */
byte q1[MAXA+1], q2[MAXA+1];     /* as p1, p2, but taking back */
#define NOASSIGN(i) ((p1[i]|p2[i]|q1[i]|q2[i])==0)
#else
#define NOASSIGN(i) ((p1[i]|p2[i])==0)
#endif
#ifdef UNSENT
bool uns=0;                      /* the newest attempt of the episode was never sent */
#endif
#ifdef SRV
byte esrv=0;                     /* the workgroup on whose server the episode is */
#endif
/* bookkeeping of the checker */
byte nch=0; bool quar=0, fo=0, snp=0; byte s_rev, s_app, s_want, s_est, s_epno, s_eid, s_esent, s_ewg;
#ifdef FAIL
#define GO (!quar)
#else
#define GO 1
#endif
 byte expct=0, gw=0, wrev=0; bool seen=0; bool bound=0, calm=0, csup=0; byte cc=0;

inline p1check() { k=1; n=0; do :: k<=MAXA -> if :: ROUT(k) -> n++ :: else fi; k++ :: else -> break od; assert(n<=1); n=0; k=0 }

inline newattempt() {
  if :: na<MAXA -> na++; aep[na]=epno; loc[na]=LA; a=na; wact[me]=1
     :: else -> bound=1; wact[me]=0; cur=0 fi
#ifdef UNSENT
  ; uns=0
#endif
  }

inline decide() {          /* inside a transaction of the lease's holder */
  r=rev;
  if
  :: est==0 && want==0 -> app=rev; wact[me]=0; cur=0
  :: est==0 && want!=0 ->
     if :: na<MAXA -> epno++; est=1; eid=0; esent=0; ewg=0;
#ifdef SRV
           esrv=want;
#endif
           newattempt() :: else -> bound=1; wact[me]=0; cur=0 fi
#ifdef UNSENT
  :: est==1 && uns && WANTNEW -> wact[me]=7
  :: est==1 && !(uns && WANTNEW) -> wact[me]=2
#else
  :: est==1 -> wact[me]=2
#endif
  :: (est==2||est==3) && (want==0 || ELSEWHERE(want)) -> est=4; a=eid; wact[me]=4
#if FIN==2
  :: est==3 && want!=0 && INFORCE && !ELSEWHERE(want) -> a=eid; wact[me]=10
#else
  :: est==3 && want!=0 && INFORCE && !ELSEWHERE(want) -> app=rev;
#if FIN==1
     esent=rev;
#endif
     wact[me]=0; cur=0
#endif
#ifdef TAKE
  :: (est==2||est==3) && want!=0 && !ELSEWHERE(want) && !(est==3 && INFORCE) && ewg==0 && !jw -> a=eid; wact[me]=12
  :: (est==2||est==3) && want!=0 && !ELSEWHERE(want) && !(est==3 && INFORCE) && (ewg!=0 || jw) ->
     a=eid; w=want; esent=rev; tb=1; ewg=0; wact[me]=3
#else
  :: (est==2||(est==3&&ewg!=want)) && want!=0 && !ELSEWHERE(want) -> a=eid; w=want; esent=rev;
#ifndef WGKEEP
     ewg=0;
#endif
     wact[me]=3
#endif
#ifdef B_REUSE
  :: est==4 && want!=0 -> est=2; a=eid; w=want; esent=rev; wact[me]=3
  :: est==4 && want==0 -> a=eid; wact[me]=4
#else
  :: est==4 -> a=eid; wact[me]=4
#endif
  fi }

/* s: the writer saw the number in force; a worker never did */
inline endtx(i,s) {
  if
  :: est!=0 && eid==i ->
     seen=s;
     if
     :: SERVED(i) -> rev++; app=rev; want=0
#ifndef ENDDUE
     :: want==0 && !SERVED(i) -> rev++; app=rev
     :: want!=0 && !SERVED(i) ->
#else
     :: !SERVED(i) ->
#endif
#ifndef B_ENDREV
        rev++
#else
        if :: app==rev -> rev++ :: else fi
#endif
     fi;
     est=0; eid=0; esent=0; ewg=0; seen=0
  :: else
  fi }

inline cas(i) {
#ifdef FAIL
  if :: quar && 1 -> skip :: !quar ->
#endif
#ifdef B_NOCAS
  if :: est==1 || est==2 -> eid=i; est=2; esent=0; ewg=0 :: else fi
#else
  if :: est==1 && eid==0 && aep[i]==epno -> eid=i; est=2; esent=0; ewg=0 :: else fi
#endif
#ifdef FAIL
  fi
#endif
}
#ifdef CALM
#define CANCLAIM (!calm || wact[1-me]==0)
#define COUNT if :: calm -> cc++; assert(cc<=9) :: else fi;
#else
#define CANCLAIM 1
#define COUNT
#endif
#ifdef B_NOEPOCH
#define MINE 1
#else
#define MINE (cur==me+1)
#endif

proctype Worker(byte me) {
  byte r, a, w, k, n; bool tb, jw;
idle:
  atomic { app<rev && CANCLAIM && !bound && GO -> r=0;a=0;w=0; cur=me+1; COUNT decide(); if :: wact[me]==0 -> r=0;a=0;w=0 :: else fi };
  do
  :: atomic { wact[me]==0 -> r=0; a=0; w=0; tb=0; goto idle }
  /* crash, or the process gives up what it was doing */
  :: atomic { !calm && wact[me]!=0 -> if :: wact[me]==1 -> loc[a]=LV :: else fi; wact[me]=0; r=0; a=0; w=0; tb=0; goto idle }
  :: atomic { wact[me]==1 -> loc[a]=LN; wact[me]=5 }      /* any pause lies before this line */
#ifdef UNSENT
  :: atomic { !calm && wact[me]==1 -> loc[a]=LV; if :: MINE && est==1 && eid==0 -> uns=1; cur=0 :: else fi; wact[me]=0 }
#endif
#ifdef LIES
  :: atomic { !calm && wact[me]==5 && MINE && est==1 && eid==0 -> uns=1; cur=0; wact[me]=0 }
#endif
  :: atomic { wact[me]==5 && loc[a]>=LH && loc[a]<=LX ->      /* Created */
       jw=(est==1 && eid==0 && aep[a]==epno); cas(a);
       if :: MINE -> decide() :: else -> wact[me]=0 fi; jw=0 }
  :: atomic { wact[me]==5 && loc[a]==LV -> wact[me]=0 }
  :: atomic { wact[me]==2 ->           /* look */
       k=1; do :: k<=MAXA && FOUND(k) -> break
               :: k<=MAXA && !FOUND(k) -> k++
               :: k>MAXA -> break od;
       if :: k<=MAXA -> a=k; wact[me]=6 :: else -> a=0; wact[me]=7 fi; k=0 }
  :: atomic { wact[me]==6 -> jw=(est==1 && eid==0 && aep[a]==epno); cas(a); if :: MINE -> decide() :: else -> wact[me]=0 fi; jw=0 }
  :: atomic { wact[me]==7 ->
       if
       :: MINE && est==1 && eid==0 && WANTNEW -> r=rev; newattempt()
       :: MINE && est==1 && eid==0 && !WANTNEW -> est=0; if :: want==0 -> app=rev; cur=0; wact[me]=0 :: else -> decide() fi
       :: MINE && !(est==1 && eid==0) -> decide()
       :: !MINE -> wact[me]=0
       fi }
#ifdef TAKE
  :: atomic { wact[me]==12 && loc[a]!=LX -> tb=(crn[a]<wno); wact[me]=13 }      /* read: alive, this number in force */
  :: atomic { wact[me]==12 && loc[a]==LX -> endtx(a,0); wact[me]=0 }
  :: atomic { wact[me]==13 ->
       if
       :: MINE && rev==r && (est==2||est==3) && eid==a -> w=want; esent=rev; ewg=0;
#ifdef B_TAKE
          tb=1;
#endif
          wact[me]=3
       :: MINE && !(rev==r && (est==2||est==3) && eid==a) -> tb=0; decide()
       :: !MINE -> wact[me]=0
       fi }
  :: atomic { wact[me]==3 -> assert(r<=NUM);
       if :: w==1 && !tb -> p1[a]=p1[a]|BIT(r) :: w==2 && !tb -> p2[a]=p2[a]|BIT(r)
          :: w==1 && tb -> q1[a]=q1[a]|BIT(r) :: w==2 && tb -> q2[a]=q2[a]|BIT(r) fi; tb=0; wact[me]=8 }
#else
  :: atomic { wact[me]==3 -> assert(r<=NUM);
       if :: w==1 -> p1[a]=p1[a]|BIT(r) :: else -> p2[a]=p2[a]|BIT(r) fi; wact[me]=8 }
#endif
  :: atomic { wact[me]==8 && crn[a]>=r ->     /* Assigned, or Stale and a look */
#ifdef LOOSE
       if :: est!=0 && eid==a -> est=3; ewg=w :: else fi;
#endif
       if
       :: MINE && rev==r && crn[a]==r && (est==2||est==3) && eid==a -> est=3; ewg=w; app=rev; cur=0; wact[me]=0
       :: MINE && !(rev==r && crn[a]==r && (est==2||est==3) && eid==a) -> decide()
       :: !MINE -> wact[me]=0
       fi }
  :: atomic { wact[me]==8 && loc[a]==LX -> endtx(a,0); wact[me]=0 }
  :: atomic { calm && wact[me]==8 && crn[a]<r && loc[a]!=LX && NOASSIGN(a) -> wact[me]=0 }
#if FIN==2
  :: atomic { wact[me]==10 && loc[a]!=LX -> wact[me]=11 }
  :: atomic { wact[me]==10 && loc[a]==LX -> endtx(a,0); wact[me]=0 }
  :: atomic { wact[me]==11 ->
       if
       :: MINE && rev==r && est==3 && eid==a -> app=rev; esent=rev; cur=0; wact[me]=0
       :: MINE && !(rev==r && est==3 && eid==a) -> decide()
       :: !MINE -> wact[me]=0
       fi }
#endif
  :: atomic { wact[me]==4 -> dp[a]=1; wact[me]=9 }
  :: atomic { wact[me]==9 && loc[a]==LX -> endtx(a,0); wact[me]=0 }
#ifdef B_ANSWER
  :: atomic { wact[me]==9 -> endtx(a,0); wact[me]=0 }
#endif
  :: atomic { calm && wact[me]==9 && !dp[a] && loc[a]!=LX -> wact[me]=0 }
  od }

#ifdef B_NONUM
#define FRESH(i,n) 1
#else
#define FRESH(i,n) (n>crn[i])
#endif
inline apply(i,nn,ww,take) {
  if
  :: LIVE(i) && FRESH(i,nn) ->
     old=crn[i]; crn[i]=nn;
     if
#ifdef TAKE
     :: loc[i]==LW(ww) || (loc[i]==LG(ww) && !take) -> skip
     :: !(loc[i]==LW(ww) || (loc[i]==LG(ww) && !take)) ->
        /* P4: from an agent of the same workgroup only what he had before the wish that takes it back */
        assert(!(loc[i]==LG(ww) && old>=wno));
#else
     :: STAYS(i,ww) -> skip
     :: !STAYS(i,ww) ->
        assert(!(loc[i]==LG(ww)));                       /* P4: same workgroup, taken from the agent */
#endif
        assert(!(loc[i]==LG(3-ww) && nn<app));            /* P4: older than what was finished */
        loc[i]=LW(ww); p1check()
     fi
  :: else
  fi; old=0 }
#define SURPLUS(i) (loc[i]==LH && !dp[i] && (aep[i]<epno || est==0 || (eid!=0 && eid!=i)))
#ifdef TAKE
#define DEL(i,nn) \
  :: atomic { (p1[i]&BIT(nn))!=0 -> p1[i]=p1[i]&~BIT(nn); apply(i,nn,1,0) } \
  :: atomic { (p2[i]&BIT(nn))!=0 -> p2[i]=p2[i]&~BIT(nn); apply(i,nn,2,0) } \
  :: atomic { (q1[i]&BIT(nn))!=0 -> q1[i]=q1[i]&~BIT(nn); apply(i,nn,1,1) } \
  :: atomic { (q2[i]&BIT(nn))!=0 -> q2[i]=q2[i]&~BIT(nn); apply(i,nn,2,1) }
#define DROP(i) p1[i]=0; p2[i]=0; q1[i]=0; q2[i]=0
#else
#define DEL(i,nn) \
  :: atomic { (p1[i]&BIT(nn))!=0 -> p1[i]=p1[i]&~BIT(nn); apply(i,nn,1,0) } \
  :: atomic { (p2[i]&BIT(nn))!=0 -> p2[i]=p2[i]&~BIT(nn); apply(i,nn,2,0) }
#define DROP(i) p1[i]=0; p2[i]=0
#endif
#if NUM>4
#define MORE5(i) DEL(i,5)
#else
#define MORE5(i)
#endif
#if NUM>5
#define MORE6(i) DEL(i,6)
#else
#define MORE6(i)
#endif
#if NUM>6
#define MORE7(i) DEL(i,7)
#else
#define MORE7(i)
#endif
#if NUM>7
#define MORE8(i) DEL(i,8)
#else
#define MORE8(i)
#endif
#ifdef TWICE
#define AGAIN(i) :: atomic { loc[i]>=LH && na<MAXA && !calm && !twice && loc[i]!=LV -> twice=1; na++; aep[na]=aep[i]; loc[na]=LN }
#else
#define AGAIN(i)
#endif
#define ONE(i) \
  :: atomic { loc[i]==LN -> born(i) } \
  :: atomic { loc[i]==LN && !calm -> loc[i]=LV } \
  :: atomic { !calm && !NOASSIGN(i) -> DROP(i) } \
  :: atomic { !calm && dp[i] -> dp[i]=0 } \
  :: atomic { dp[i] -> dp[i]=0; if :: LIVE(i) -> loc[i]=LX :: else fi } \
  :: atomic { !calm && (loc[i]==4||loc[i]==5) -> loc[i]=loc[i]+2 } \
  :: atomic { !calm && (loc[i]==6||loc[i]==7) -> agentend(i) } \
  AGAIN(i) \
  DEL(i,1) DEL(i,2) DEL(i,3) DEL(i,4) MORE5(i) MORE6(i) MORE7(i) MORE8(i)
#ifdef B_NOHOLD
#define WATCH(i) \
  :: atomic { est!=0 && eid==i && loc[i]==LX -> endtx(i,1) } \
  :: atomic { est!=0 && eid==i && loc[i]==LX && !calm -> endtx(i,0) }
#else
#define WATCH(i) \
  :: atomic { loc[i]==LH && est==1 && eid==0 && aep[i]==epno && WGO -> cas(i) } \
  :: atomic { est!=0 && eid==i && loc[i]==LX -> endtx(i,1) } \
  :: atomic { est!=0 && eid==i && loc[i]==LX && !calm -> endtx(i,0) } \
  :: atomic { SURPLUS(i) && WGO -> dp[i]=1 }
#endif
#ifdef F_WATCH
#define WGO 1
#else
#define WGO GO
#endif
#ifdef FAIL
/* work begun before the failover writes nothing any more; F_OLD: it still may (epoch given twice) */
#define IDLE(x) (wact[x]==0)
#define NET(i) (loc[i]==LA || loc[i]==LN || !NOASSIGN(i) || dp[i])
#if MAXA==2
#define WIRE (NET(1)||NET(2))
#else
#define WIRE (NET(1)||NET(2)||NET(3))
#endif
#if FQ==3
#define SETTLED (!(LIVE(1)&&LIVE(2)))
#elif FQ==2
#define SETTLED (IDLE(0) && IDLE(1) && !WIRE)
#elif FQ==1
#define SETTLED (!WIRE)
#else
#define SETTLED 1
#endif
inline rebuild() {
  k=1; n=0;
  do :: k<=MAXA -> if :: ROUT(k) -> n=k :: loc[k]==LH && n==0 -> n=k :: else fi;
#ifndef F_REV
        if :: crn[k]>rev && loc[k]!=LV && LIVE(k) -> rev=crn[k] :: else fi;
#endif
        k++
     :: else -> break od;
  if
  :: n==0 -> est=0; eid=0; esent=0; ewg=0
  :: n!=0 && est==4 && eid==n -> skip
  :: n!=0 && !(est==4 && eid==n) ->
     eid=n; esent=crn[n]; if :: aep[n]>epno -> epno=aep[n] :: else fi;
     if :: loc[n]==LH -> est=2; ewg=0
        :: loc[n]==4||loc[n]==6 -> est=3; ewg=1
        :: loc[n]==5||loc[n]==7 -> est=3; ewg=2 fi
  fi;
#ifdef F_JUMP
  if :: rev<4 -> rev=4 :: else fi;
#endif
  k=0; n=0; quar=0; cur=0;
  /* the sweep: Salesforce's last word again */
  rev++; want=(expct!=0 -> gw : 0); if :: expct==3 -> expct=2 :: else fi; wrev=rev
}
#endif
inline born(i) {
#ifdef B_NOHOLD
  if :: want==2 -> loc[i]=LW(2) :: else -> loc[i]=LW(1) fi; p1check()
#else
  loc[i]=LH
#endif
}
inline agentend(i) {
  if
  :: expct==1 && loc[i]==LG(gw) && crn[i]>=wrev -> expct=3
  :: expct==1 && loc[i]==LG(gw) && crn[i]<wrev -> expct=2
  :: else
  fi;
  loc[i]=LX }
inline renumber(x) {             /* a wish for another place, or after none, has a number of its own */
#ifdef TAKE
  if :: est!=0 && want!=x -> wno=rev+1 :: else fi
#else
  skip
#endif
}
inline wish(x) { renumber(x); want=x; rev++; nch++; expct=(x!=0); gw=x; wrev=rev; if :: x!=0 -> lastmon=x :: else fi; if :: cbusy -> csup=1 :: else fi }

active proctype Env() {
  byte k, n, old; bool twice;
  do
  ONE(1) WATCH(1)
#if MAXA>1
  ONE(2) WATCH(2)
#endif
#if MAXA>2
  ONE(3) WATCH(3)
#endif
#if MAXA>3
  ONE(4) WATCH(4)
#endif
#ifdef FAIL
  :: atomic { !snp && !fo && rev>0 -> snp=1; s_rev=rev; s_app=app; s_want=want; s_est=est; s_epno=epno; s_eid=eid; s_esent=esent; s_ewg=ewg }
  :: atomic { !fo && rev>0 -> fo=1; quar=(FQ!=0);       /* the standby that missed everything since the snapshot (or all of it) */
       rev=s_rev; app=s_app; want=s_want; est=s_est; epno=s_epno; eid=s_eid; esent=s_esent; ewg=s_ewg;
#ifndef F_OLD
       cur=0;
#endif
       if :: FQ==0 -> rev++; want=(expct!=0 -> gw : 0); wrev=rev; if :: expct==3 -> expct=2 :: else fi :: else fi;
       s_rev=0; s_app=0; s_want=0; s_est=0; s_epno=0; s_eid=0; s_esent=0; s_ewg=0 }
  :: atomic { quar && SETTLED -> rebuild() }
#if FQ==3
  :: atomic { quar && LIVE(1)&&LIVE(2) -> if :: loc[1]==LH -> loc[1]=LX :: loc[2]==LH -> loc[2]=LX fi }
#endif
#endif
  :: atomic { !calm && nch<NCH && GO -> if :: wish(1) :: nch>0 -> wish(2) :: nch>0 -> wish(0) fi }
#ifdef TAKE
  /* it was with a user meanwhile: the same workgroup, taken back */
  :: atomic { !calm && nch<NCH && GO && want!=0 && est!=0 && est!=4 -> wno=rev+1; wish(want) }
#endif
#ifdef CALM
  :: atomic { !calm -> calm=1 }
#endif
  od }

#ifndef NOCOMMENT
active proctype Comment() {
  byte sr, i; bool live;
  do
  :: atomic { !calm && nch<NCH && nch>0 && !cbusy -> nch++; cbusy=1; expct=1; gw=lastmon; wrev=255 };
again:
     atomic {
       if
       :: csup -> csup=0; cbusy=0; sr=0; i=0; goto done      /* a newer change is in force: superseded */
       :: !csup && (est==0 || est==4 || (want==0 && CFIX)) -> renumber(lastmon); want=lastmon; rev++; wrev=rev; cbusy=0; goto done
       :: !csup && est==1 && !(want==0 && CFIX) -> cbusy=0; goto done
       :: !csup && est!=0 && est!=4 && est!=1 && !(want==0 && CFIX) -> sr=rev; i=eid
       fi };
#ifdef DARK
     if
     :: atomic { skip ->
#ifndef B_DARK
          if :: rev==sr -> rev++; sr=0; cbusy=0; if :: expct==1 -> wrev=255 :: else fi; i=0; goto done :: else -> sr=0; i=0; goto again fi
#else
          if :: rev==sr -> sr=0; cbusy=0; i=0; goto done :: else -> sr=0; i=0; goto again fi
#endif
        }
     :: skip
     fi;
#endif
#ifndef B_NOGET
     atomic { live=(loc[i]!=LX); if :: !live -> endtx(i,0); sr=0; i=0; goto again :: else fi };
#endif
     atomic { i=0; live=0; if :: rev==sr -> sr=0; cbusy=0 :: else -> sr=0; goto again fi };
done: skip
  od }
#endif

inline scan() {   /* rest? and what is live */
  rest=(!quar && app==rev && wact[0]==0 && wact[1]==0 && !cbusy && !(est!=0 && eid!=0 && loc[eid]==LX)); live=0; held=0; right=0; k=1;
  do :: k<=MAXA ->
        if :: loc[k]==LA || loc[k]==LN || !NOASSIGN(k) || dp[k] || (SURPLUS(k)) || (loc[k]==LH && est==1) -> rest=0 :: else fi;
        if :: LIVE(k) -> live++ :: else fi;
        if :: loc[k]==LH -> held++ :: else fi;
        if :: gw!=0 && (loc[k]==LW(gw) || loc[k]==LG(gw)) -> right++ :: else fi;
        k++
     :: else -> break od; k=0 }

active proctype Mon() {
  bool rest; byte live, held, right, k;
#ifdef CALM
  atomic { timeout -> scan(); assert(bound || rest) }
#else
  do
  :: atomic { app==rev && wact[0]==0 && wact[1]==0 && !cbusy && rev>0 -> scan();
       if
       :: rest ->
          assert(held==0); assert(live<=1);
          if
          :: expct==0 -> assert(live==0)
          :: expct==1 -> assert(live==1 && right==1)
          :: expct==2 -> skip
          :: expct==3 ->
#ifdef STRICT
             assert(live==0)
#else
             assert(live==right)
#endif
          fi
       :: else
       fi; rest=0; live=0; held=0; right=0 }
  od
#endif
}
init { atomic { run Worker(0); run Worker(1) } }
