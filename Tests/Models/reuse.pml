/* Interaction ids used again by CIC. Two ids; each is free, ours (attempt 1..MAXA) or foreign (9: a customer's call).
   Switches: NOATT   the episode stores only the id (as written); default: id and attempt that won
             NOREAD  nothing is read before assign or disconnect
             CDISC   the disconnect names the attempt and CIC checks it (handler); default: plain ICWS disconnect
             UASSIGN assign is not checked against the attempt by CIC (generic move)
             BOUND   0 an id may come back at any time  1 not while a request that names it is under way
                     2 nor while a process stands between its check and its sending */
#ifndef BOUND
#define BOUND 0
#endif
#ifndef MAXA
#define MAXA 3
#endif
#ifndef NCH
#define NCH 3
#endif
#ifndef NF
#define NF 1
#endif
#define S 2
byte rev=0, app=0, want=0, cur=0, est=0, epno=0, eid=0, eat=0, esent=0;
byte st[S+1], occ[S+1], fa[S+1], fd[S+1];       /* 0 free 3 holding 4 workgroup 6 agent; occupant; assign, disconnect under way: attempt named */
byte na=0, as[5], aep[5], asl[5];/* attempt: 1 committed 2 under way 3 created 4 never; id it got */
byte wact[3], wx[3]; byte nch=0, expct=0, nf=0; bool bound=0;
#define OURS(x) (occ[x]!=0 && occ[x]!=9)
#ifdef NOATT
#define MATCH(x) (st[x]!=0 && OURS(x) && aep[occ[x]]==epno)
#define SURPLUS(x) (st[x]==3 && OURS(x) && fd[x]==0 && (aep[occ[x]]<epno || est==0 || (eid!=0 && eid!=x)))
#else
#define MATCH(x) (st[x]!=0 && occ[x]==eat)
#define SURPLUS(x) (st[x]==3 && OURS(x) && fd[x]==0 && (aep[occ[x]]<epno || est==0 || (eid!=0 && !(eid==x && eat==occ[x]))))
#endif
#ifdef NOATT
#define WMATCH(x) MATCH(x)
#else
#define WMATCH(x) (st[x]!=0 && occ[x]==a)    /* what the worker set out for */
#endif
#if BOUND==0
#define FREE(x) (st[x]==0)
#elif BOUND==1
#define FREE(x) (st[x]==0 && fa[x]==0 && fd[x]==0)
#else
#define FREE(x) (st[x]==0 && fa[x]==0 && fd[x]==0 && !((wact[0]==3||wact[0]==4)&&wx[0]==x) && !((wact[1]==3||wact[1]==4)&&wx[1]==x) && !(wact[2]==4&&wx[2]==x))
#endif
inline newattempt() { if :: na<MAXA -> na++; aep[na]=epno; as[na]=1; a=na; wact[me]=1 :: else -> bound=1; cur=0; wact[me]=0 fi }
inline decide() { r=rev;
  if
  :: est==0 && want==0 -> app=rev; cur=0; wact[me]=0
  :: est==0 && want!=0 -> if :: na<MAXA -> epno++; est=1; newattempt() :: else -> bound=1; cur=0; wact[me]=0 fi
  :: est==1 -> wact[me]=2
  :: est==2 && want!=0 -> esent=rev; wx[me]=eid; a=eat; wact[me]=12
  :: est==3 && want!=0 -> wx[me]=eid; a=eat; wact[me]=14
  :: (est==2||est==3) && want==0 -> est=4; wx[me]=eid; a=eat; wact[me]=13
  :: est==4 -> wx[me]=eid; a=eat; wact[me]=13
  fi }
inline endtx(x,t) { if :: est!=0 && eid==x && eat==t ->
   if :: est==3 && want!=0 && esent==rev -> rev++; app=rev; want=0 :: want==0 -> rev++; app=rev :: else -> rev++ fi; est=0; eid=0; eat=0; esent=0 :: else fi }
inline cas(x,t) { if :: est==1 && eid==0 && aep[t]==epno -> eid=x; eat=t; est=2; esent=0 :: else fi }
proctype Worker(byte me) { byte r, a, k;
 idle: atomic { app<rev && !bound -> r=0;a=0;k=0;wx[me]=0; cur=me+1; decide() };
 do
 :: atomic { wact[me]==0 -> r=0;a=0;wx[me]=0; goto idle }
 :: atomic { wact[me]!=0 -> if :: wact[me]==1 -> as[a]=4 :: else fi; wact[me]=0; r=0;a=0;wx[me]=0; goto idle }
 :: atomic { wact[me]==1 -> as[a]=2; wact[me]=5 }
 :: atomic { wact[me]==5 && as[a]==3 -> cas(asl[a],a); if :: cur==me+1 -> decide() :: else -> wact[me]=0 fi }
 :: atomic { wact[me]==2 -> k=1; do :: k<=S && st[k]==3 && OURS(k) && aep[occ[k]]==epno -> break :: k<=S && !(st[k]==3 && OURS(k) && aep[occ[k]]==epno) -> k++ :: k>S -> break od;
      if :: k<=S -> a=occ[k]; wx[me]=k; wact[me]=6 :: else -> wact[me]=7 fi; k=0 }
 :: atomic { wact[me]==6 -> cas(wx[me],a); if :: cur==me+1 -> decide() :: else -> wact[me]=0 fi }
 :: atomic { wact[me]==7 -> if :: cur==me+1 && est==1 && want!=0 -> newattempt() :: cur==me+1 && est==1 && want==0 -> est=0; app=rev; cur=0; wact[me]=0
      :: cur==me+1 && est!=1 -> decide() :: cur!=me+1 -> wact[me]=0 fi }
 /* read before it counts as wanted */
 :: atomic { wact[me]==14 && WMATCH(wx[me]) -> wact[me]=15 }
 :: atomic { wact[me]==14 && !WMATCH(wx[me]) -> endtx(wx[me],a); wact[me]=0 }
 :: atomic { wact[me]==15 -> if :: cur==me+1 && rev==r && est==3 && eid==wx[me] && eat==a -> app=rev; esent=rev; cur=0; wact[me]=0
      :: cur==me+1 && !(rev==r && est==3 && eid==wx[me] && eat==a) -> decide() :: cur!=me+1 -> wact[me]=0 fi }
#ifdef NOREAD
 :: atomic { wact[me]==12 -> wact[me]=3 }
 :: atomic { wact[me]==13 -> wact[me]=4 }
#else
 :: atomic { (wact[me]==12||wact[me]==13) && WMATCH(wx[me]) -> wact[me]=wact[me]-9 }
 :: atomic { (wact[me]==12||wact[me]==13) && !WMATCH(wx[me]) -> endtx(wx[me],a); wact[me]=0 }
#endif
 :: atomic { wact[me]==3 -> fa[wx[me]]=a; wact[me]=8 }
 :: atomic { wact[me]==4 -> fd[wx[me]]=a; wact[me]=9 }
 :: atomic { wact[me]==8 && st[wx[me]]>=4 && occ[wx[me]]==a -> if :: cur==me+1 && rev==r && est==2 && eat==a -> est=3; app=rev; cur=0; wact[me]=0
      :: cur==me+1 && !(rev==r && est==2 && eat==a) -> decide() :: cur!=me+1 -> wact[me]=0 fi }
 od }
#define ONE(x) \
 :: atomic { fa[x]!=0 -> if :: st[x]!=0 && occ[x]==fa[x] && st[x]==3 -> st[x]=4 \
      :: st[x]!=0 && occ[x]!=fa[x] -> uassign(x) :: else fi; fa[x]=0 } \
 :: atomic { fa[x]!=0 -> fa[x]=0 } \
 :: atomic { fd[x]!=0 -> if :: st[x]!=0 && occ[x]==fd[x] -> free(x) :: st[x]!=0 && occ[x]!=fd[x] -> udisc(x) :: else fi; fd[x]=0 } \
 :: atomic { fd[x]!=0 -> fd[x]=0 } \
 :: atomic { st[x]==4 && OURS(x) -> st[x]=6 } \
 :: atomic { st[x]==6 && OURS(x) -> if :: expct==1 -> expct=2 :: else fi; free(x) } \
 :: atomic { FREE(x) && nf<NF -> nf++; st[x]=4; occ[x]=9 } \
 :: atomic { st[x]!=0 && occ[x]==9 -> free(x) } \
 :: atomic { st[x]==3 && OURS(x) && est==1 && aep[occ[x]]==epno -> cas(x,occ[x]) } \
 :: atomic { est!=0 && eid==x && !MATCH(x) -> endtx(x,eat) } \
 :: atomic { SURPLUS(x) && wact[2]==0 -> wact[2]=4; wx[2]=x; wa=occ[x] } \
 :: atomic { wact[2]==4 && wx[2]==x -> fd[x]=wa; wa=0; wact[2]=0; wx[2]=0 }
#define BORN(t,x) :: atomic { as[t]==2 && FREE(x) -> as[t]=3; asl[t]=x; st[x]=3; occ[x]=t } 
#define BORNS(t) BORN(t,1) BORN(t,2) :: atomic { as[t]==2 -> as[t]=4 }
inline free(x) { if :: occ[x]!=9 -> st[x]=0; occ[x]=0 :: else -> st[x]=0; occ[x]=0 fi }
inline uassign(x) {
#ifdef UASSIGN
 assert(0) /* P3: assign touches another interaction */
#else
 skip
#endif
}
inline udisc(x) {
#ifdef CDISC
 skip
#else
 assert(0) /* P3: disconnect touches another interaction */
#endif
}
active proctype Env() { byte wa;
 do
 ONE(1) ONE(2) BORNS(1) BORNS(2) BORNS(3)
 :: atomic { nch<NCH -> nch++; rev++; if :: want=1; expct=1 :: want=0; expct=0 fi }
 od }
#define REST (app==rev && rev>0 && wact[0]==0 && wact[1]==0 && wact[2]==0 && !(est!=0 && eid!=0 && !MATCH(eid)) && !SURPLUS(1) && !SURPLUS(2) && fa[1]==0&&fa[2]==0&&fd[1]==0&&fd[2]==0&& as[1]!=1&&as[2]!=1&&as[3]!=1&&as[1]!=2&&as[2]!=2&&as[3]!=2 && est!=1)
active proctype Mon() { byte live, routable, held;
 do
 :: atomic { routable=((st[1]>=4&&OURS(1))+(st[2]>=4&&OURS(2))); assert(routable<=1);
     if :: REST ->
           held=((st[1]==3&&OURS(1))+(st[2]==3&&OURS(2))); assert(held==0);
           assert(expct==2 || routable==expct)
        :: else fi; routable=0; held=0 }
 od }
init { atomic { run Worker(0); run Worker(1) } }
